import{a as t}from"./index-BXlWhDTJ.js";import{P as r}from"./page-DH83ZbmL.js";function a(){return t(r,{title:"Audit",children:null})}export{a as default};
