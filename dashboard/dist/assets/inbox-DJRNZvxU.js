import{a as o}from"./index-BXlWhDTJ.js";import{P as r}from"./page-DH83ZbmL.js";function n(){return o(r,{title:"Inbox",children:null})}export{n as default};
