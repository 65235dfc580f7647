import{a as o}from"./index-BXlWhDTJ.js";import{P as e}from"./page-DH83ZbmL.js";function a(){return o(e,{title:"Webhooks",children:null})}export{a as default};
